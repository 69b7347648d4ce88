//! The live path: every call of a tool goes through the gate, and nothing but a live PERMIT reaches the tool.
