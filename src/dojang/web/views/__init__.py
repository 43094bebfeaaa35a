"""Views: thin; they ask the registration authority or read, and show."""
