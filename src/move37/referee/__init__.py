"""Step 5. Believe the number? Measure, repeat, judge, check, certify."""
