"""Step 3. Change the code."""
