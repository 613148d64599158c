"""Reports: terminal, Markdown, HTML and workbook, from the records of a design and the tables of its problem."""
