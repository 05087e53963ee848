"""The PDF inside a CDA: is it one, is it safe, is it a PDF/A-1b, and how it becomes one (cda_signing.md 1.5)."""
