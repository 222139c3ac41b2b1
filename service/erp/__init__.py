"""The only room that knows the ERP's protocol. Facts: the ERP contract, named by its part."""
