"""Reports: what the store says about a period, as tables of typed columns with totals and a chart."""
