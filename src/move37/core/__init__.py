"""The language everything else speaks: records (nouns), facts (what happened), protocols (verbs), errors."""
