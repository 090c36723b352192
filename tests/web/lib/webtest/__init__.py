"""What the tests of the web pages are made of: a relay's web server, a browser, a code reader."""
