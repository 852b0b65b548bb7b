"""A study as tables for other tools: built once (`build`), written in one module for each format."""
