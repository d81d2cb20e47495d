"""A real browser for a model: its owner, its way out, what it shows, and the tools.

Playwright is imported by none of these before a browser is wanted. Read in this order.

The way out: `egress_peer`, `egress_heads`, `egress_upstream`, `egress_tunnel`,
`egress_connection`, `egress`. The owner: `errors`, `settings`, `untrusted`, `events`, `waiting`,
`idle`, `owner`, `driver`, `running`, `failures`, `launching`, `tab`, `downloads`, `watching`,
`session`, `recovery`, `manager`. What a page shows: `aria`, `scripts`, `listeners`, `placing`,
`snapshot`, `outline`, `views`, `difference`, `covering`, `refs`, `values`, `settling`,
`banner_texts`, `banners`. The tools: `browsing`, `results`, `acting`, `waiting_for`,
`navigating`, `reading_pages`, `clicking`, `typing_in`, `tools`.
"""
