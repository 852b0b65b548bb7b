"""What a screen of a terminal shows of a study, before any terminal: frozen records and lines of text."""
