"""Clinical documents: CDA R2 header and bodies, their checks and reading, and the PDF/A-1b that an N1 body carries."""
