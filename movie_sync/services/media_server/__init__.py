"""Media servers, told of new films."""
