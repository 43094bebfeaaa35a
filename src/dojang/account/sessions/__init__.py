"""Who is logged in, and until when."""
