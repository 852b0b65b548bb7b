"""One attempt, wherever it runs: propose a change, and measure it in a sandbox."""
