"""What the tests share: databases, servers, a browser, and the rules of the house as code."""
