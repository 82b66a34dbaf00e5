package main

// trust are mistakes about who may: each would be seen by nobody until somebody uses it.
var trust = []mutant{
	{
		name: "somebody else's payment shown",
		edits: []edit{{
			"engine/principal.go", "is(o.Principal, t.Principal) && is(o.Payer, t.Payer.ID) &&", "is(o.Principal, t.Principal) &&",
		}},
		pack: "./http", test: "TestWhoMayUseWhat",
	},
	{
		name: "every role let in",
		edits: []edit{{
			"http/principal.go", "case slices.Contains(a.roles, p.Role):", "case slices.Contains(a.roles, p.Role) || p.Role != \"\":",
		}},
		pack: "./http", test: "TestWhoMayUseWhat",
	},
	{
		name:  "a scope not asked for",
		edits: []edit{{"http/principal.go", "if !slices.Contains(p.Scopes, a.scope) {", "if len(p.Scopes) == 0 {"}},
		pack:  "./http", test: "TestWhoMayUseWhat",
	},
	{
		name:  "a revoked key works on",
		edits: []edit{{"http/apikey.go", "|| !has || !kept.Works(now) {", "|| !has {"}},
		pack:  "./http", test: "TestWhoMayUseWhat",
	},
	{
		name:  "a token's key for ever",
		edits: []edit{{"http/token.go", "!known || !named.Valid(now) {", "!known || named.ID == \"\" {"}},
		pack:  "./http", test: "TestTokenKeysOverlapWhileTheyRotate",
	},
	{
		name: "one person is two",
		edits: []edit{{
			"persistence/migrations/00001_schema.sql", "CHECK (verdict <> 'approved' OR maker <> checker)",
			"CHECK (verdict <> 'approved' OR maker <> '')",
		}},
		pack: "./persistence", test: "TestStaffMoveMoneyTwoByTwo",
	},
	{
		name: "one person places suspense",
		edits: []edit{{
			"persistence/migrations/00001_schema.sql", "WHEN (OLD.disposition = 'suspense' AND", "WHEN (OLD.disposition = 'nobody' AND",
		}},
		pack: "./persistence", test: "TestSuspenseIsPlacedTwoByTwo",
	},
	{
		name:  "more than the price kept as the price",
		edits: []edit{{"engine/suspense.go", "case a.Captured > t.Amount:", "case a.Captured > 2*t.Amount:"}},
		pack:  "./engine", test: "TestStories",
	},
	{
		name:  "the engine may rewrite its history",
		edits: []edit{{"persistence/roles.sql", "GRANT SELECT, INSERT ON journals, postings,", "GRANT ALL ON journals, postings,"}},
		pack:  "./persistence", test: "TestEveryRightOnEveryTableIsTheOneThatWasMeant",
	},
	{
		name: "a bad secrets file taken in silence",
		edits: []edit{{
			"cmd/cauri/secrets.go", "\tif len(faults) > 0 {\n\t\tr.refuse(next, faults)", "\tif len(faults) > 9 {\n\t\tr.refuse(next, faults)",
		}},
		pack: "./cmd/cauri", test: "TestTheRotationPageIsWhatHappens",
	},
	{
		name: "a seal that fits every row",
		edits: []edit{{
			"internal/vault/vault.go", "return append(append(make([]byte, 0, len(head)+len(place)), head...), place...)",
			"return append(append(make([]byte, 0, len(head)+len(place)), head...), place[:0]...)",
		}},
		pack: "./internal/vault", test: "TestWhatIsSealedOpensInItsPlaceAlone",
	},
}
