"""The ERP's side: its records read, projected to documents, and QuickBooks' documents declared to it."""
