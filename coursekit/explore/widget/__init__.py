"""The widget: the canvas, its controls, and the line from the page to the kernel. It knows no drawing and no model."""
