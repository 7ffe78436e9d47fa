package events_test

import (
	"reflect"
	"testing"

	"github.com/saksi-ledger/saksi/events"
)

// TestDisclosuresOfTheStandard uses the disclosures and digests of RFC 9901, section 5.1.
func TestDisclosuresOfTheStandard(t *testing.T) {
	for _, one := range []struct {
		disclosure events.Disclosure
		digest     string
		name       string
		value      any
	}{
		{"WyIyR0xDNDJzS1F2ZUNmR2ZyeU5STjl3IiwgImdpdmVuX25hbWUiLCAiSm9obiJd", "jsu9yVulwQQlhFlM_3JlzMaSFzglhQG0DpfayQwLUK4", "given_name", "John"},
		{"WyJlbHVWNU9nM2dTTklJOEVZbnN4QV9BIiwgImZhbWlseV9uYW1lIiwgIkRvZSJd", "TGf4oLbgwd5JQaHyKVQZU9UdGE0w5rtDsrZzfUaomLo", "family_name", "Doe"},
		{"WyI2SWo3dE0tYTVpVlBHYm9TNXRtdlZBIiwgImVtYWlsIiwgImpvaG5kb2VAZXhhbXBsZS5jb20iXQ", "JzYjH4svliH0R3PyEMfeZu6Jt69u5qehZo7F7EPYlSE", "email", "johndoe@example.com"},
		{"WyJBSngtMDk1VlBycFR0TjRRTU9xUk9BIiwgImFkZHJlc3MiLCB7InN0cmVldF9hZGRyZXNzIjogIjEyMyBNYWluIFN0IiwgImxvY2FsaXR5IjogIkFueXRvd24iLCAicmVnaW9uIjogIkFueXN0YXRlIiwgImNvdW50cnkiOiAiVVMifV0", "XzFrzwscM6Gn6CJDc6vVK8BkMnfG8vOSKfpPIZdAfdE",
			"address", map[string]any{"street_address": "123 Main St", "locality": "Anytown", "region": "Anystate", "country": "US"}},
		{"WyJQYzMzSk0yTGNoY1VfbEhnZ3ZfdWZRIiwgImJpcnRoZGF0ZSIsICIxOTQwLTAxLTAxIl0", "gbOsI4Edq2x2Kw-w5wPEzakob9hV1cRD0ATN3oQL9JM", "birthdate", "1940-01-01"},
		{"WyJHMDJOU3JRZmpGWFE3SW8wOXN5YWpBIiwgInVwZGF0ZWRfYXQiLCAxNTcwMDAwMDAwXQ", "CrQe7S5kqBAHt-nMYXgc6bdt2SH5aTY1sU_M-PgkjPI", "updated_at", float64(1570000000)},
	} {
		name, value, err := one.disclosure.Open()
		if err != nil || name != one.name || !reflect.DeepEqual(value, one.value) {
			t.Errorf("%s opens as %q, %v, %v", one.disclosure, name, value, err)
		}
		if got := one.disclosure.Digest(); got != one.digest {
			t.Errorf("the digest of %s is %s, want %s", one.name, got, one.digest)
		}
	}
}

// TestElementsOfTheStandard uses the array elements of RFC 9901, sections 4.2.2, 4.2.4.2 and 5.1: their digests are made
// alike, and they do not open, because no event of ours holds one.
func TestElementsOfTheStandard(t *testing.T) {
	for disclosure, digest := range map[events.Disclosure]string{
		"WyJsa2x4RjVqTVlsR1RQVW92TU5JdkNBIiwgIkZSIl0": "w0I8EKcdCtUPkGCNUrfwVp2xEgNjtoIDlOxc9-PlOhs",
		"WyJsa2x4RjVqTVlsR1RQVW92TU5JdkNBIiwgIlVTIl0": "pFndjkZ_VCzmyTa6UjlZo3dh-ko8aIKQc9DlGzhaVYo",
		"WyJuUHVvUW5rUkZxM0JJZUFtN0FuWEZBIiwgIkRFIl0": "7Cf6JkPudry3lcbwHgeZ8khAv1U1OSlerP0VkBJrWZ0",
	} {
		if got := disclosure.Digest(); got != digest {
			t.Errorf("the digest of %s is %s, want %s", disclosure, got, digest)
		}
		if name, value, err := disclosure.Open(); err == nil {
			t.Errorf("%s opens as %q, %v", disclosure, name, value)
		}
	}
}
