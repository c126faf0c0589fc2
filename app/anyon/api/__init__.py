"""HTTP and WebSockets: the only package that knows them."""
