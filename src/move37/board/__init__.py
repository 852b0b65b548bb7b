"""What is posted about a study: links to experiments, evidence for and against, search, and what bears on a
program. What was posted is in `move37.core.board`."""
