package ed25519batch

import "filippo.io/edwards25519/field"

// orderTail are the hexadecimal digits of L − 2²⁵², where L is the order of the base point
// (RFC 8032, 5.1).
const orderTail = "14def9dea2f79cd65812631a5cf5d3ed"

// isTorsionFree reports whether [L]p = 0, that is whether p has no component of order 2, 4
// or 8.
func (p *point) isTorsionFree(d2 *field.Element) bool {
	var multiples [16]point // of p
	multiples[0].setIdentity()
	multiples[1] = *p
	for i := 2; i < len(multiples); i++ {
		if multiples[i] = multiples[i/2]; i%2 == 0 {
			multiples[i].double(1)
		} else {
			multiples[i].double(1)
			multiples[i].add(p, d2)
		}
	}
	sum := *p
	sum.double(252 - 4*len(orderTail))
	for _, c := range []byte(orderTail) {
		sum.double(4)
		digit := c - '0'
		if c >= 'a' {
			digit = c - 'a' + 10
		}
		sum.add(&multiples[digit], d2)
	}
	return sum.isIdentity()
}
