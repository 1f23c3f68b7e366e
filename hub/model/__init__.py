"""Pure data: values, entities, events, the connector contract and the errors. Imports nothing of the hub above it."""
