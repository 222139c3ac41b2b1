"""The only room that knows QuickBooks Online's protocol. Facts: the behaviour reference, named by its section (§)."""
