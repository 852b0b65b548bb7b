"""What the charts of the faces show: columns of figures, pure functions of a study's history."""
