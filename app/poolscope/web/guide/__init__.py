"""The guide: short pages for people who come to learn, with figures measured here and runs that show what they say."""
