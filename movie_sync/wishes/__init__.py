"""What is wanted: lists read in, compared, and films that left them."""
