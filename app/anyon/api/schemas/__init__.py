"""The shapes that go over the wire, one module per kind of resource; every answer is `{"data": …}`."""
