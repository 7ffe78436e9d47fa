package schemas

// currentRuleset is the rule set that a new ledger's genesis adopts. Older ones stay beside it for as long as there
// are verdicts to recompute.
const currentRuleset = "rulesets/2.json"

// CurrentRuleset returns the newest rule set: the order of admission's checks, its limits, the algorithms of
// keys and the schemas' digests.
func CurrentRuleset() []byte {
	b, _ := read(currentRuleset)
	return b
}

// Ruleset returns the rule set with this digest, as registry events name it.
func Ruleset(digest string) ([]byte, bool) {
	return byDigest(digest, "rulesets")
}
