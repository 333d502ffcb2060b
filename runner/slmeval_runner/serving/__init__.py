"""Ray Serve's OpenAI endpoint in front of a running engine, and the generator that loads it."""
