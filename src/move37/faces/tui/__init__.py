"""`move37 watch`: a study on a terminal, live. It looks; what it does to a study, `move37` does as well."""
