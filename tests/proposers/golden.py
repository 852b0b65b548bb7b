"""Writes the golden site lists anew. Read the diff before committing it."""

import json

from test_proposers_sites import CORPUS, SOURCES, described, name_of

from move37.proposers.source.sites import Sites

for source in SOURCES:
    sites = Sites().scan(name_of(source), source.read_bytes()).sites
    lines = ",\n ".join(json.dumps(described(site)) for site in sites)
    (CORPUS / f"{source.name}.golden").write_text(f"[{lines}]\n")
