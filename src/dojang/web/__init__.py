"""The customer's web site: Pages and certificates as HTML, in Korean and English."""
