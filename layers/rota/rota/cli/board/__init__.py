"""`rota board`: a page in the browser, or as a file, of all that the other commands show."""
