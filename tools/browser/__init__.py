"""A real browser for a model: its owner, its way out, what it shows, and the tools.

Playwright is imported by none of these before a browser is wanted. Read in this order.

The way out: `egress_peer`, `egress_heads`, `egress_upstream`, `egress_tunnel`,
`egress_connection`, `egress`. The owner: `errors`, `settings`, `untrusted`, `events`, `waiting`,
`idle`, `owner`, `driver`, `running`, `failures`, `launching`, `tab`, `settling`; what is
downloaded: `download_names`, `saving`, `arriving`, `receiving`, `downloads`; `watching`,
`way_out`, `session`, `recovery`, `manager`. What a page shows: `aria`, `scripts`, `listeners`,
`placing`, `snapshot`, `outline`, `views`, `difference`, `covering`, `refs`, `values`,
`banner_texts`, `banners`. The tools: `browsing`, `results`, `acting`, `download_calls`,
`navigating`, `reading_pages`, `clicking`, `typing_in`, `uploading`, `tools`.
"""
