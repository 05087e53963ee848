"""The only XML of the product: one parser, one builder, one canonicaliser, one schema runner. Bytes and trees, no business rule."""
