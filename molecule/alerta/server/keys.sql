-- The keys of every server, by the names in DIR/keys.
INSERT INTO keys (id, key, "user", scopes, text, expire_time, count) VALUES
	-- Everything: for what tests arrange and look up themselves.
	(gen_random_uuid(), :'admin', 'admin@alerta.io', '{admin,write,read}', 'admin', 'infinity', 0),
	-- The least that the module needs.
	(gen_random_uuid(), :'ansible', 'ansible@alerta.io',
		'{read:alerts,write:alerts,read:heartbeats,write:heartbeats,read:blackouts,write:blackouts,admin:management}', 'ansible', 'infinity', 0),
	-- Looks and touches nothing.
	(gen_random_uuid(), :'reader', 'reader@alerta.io', '{read}', 'reader', 'infinity', 0)
ON CONFLICT (key) DO NOTHING;
