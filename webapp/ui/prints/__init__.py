"""Reports for paper: each a page with a preview, a PDF file, and where it is a table a CSV file."""
