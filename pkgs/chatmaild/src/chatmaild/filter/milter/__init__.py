"""The filter as a server: what it negotiates with its clients, and a session of each."""
