"""Scripts that draw the figures of the prose pages and print the numbers shown there."""
