"""What a report says, as plain values: figures for tables and charts. No drawing, no HTML."""
