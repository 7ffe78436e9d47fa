package ed25519batch

import "filippo.io/edwards25519/field"

// point is a point of edwards25519 in extended coordinates: x = X/Z, y = Y/Z, xy = T/Z
// (RFC 8032, 5.1.4). The library's own Point adds as this one does, and can neither add
// an affine point more cheaply nor double without T, which takes a third of the time away.
type point struct{ x, y, z, t field.Element }

// affine is a point with Z = 1 as additions want it: y+x, y−x and 2dxy.
type affine struct{ yPlusX, yMinusX, xy2d field.Element }

// twiceD is 2d, where d = −121665/121666 is of the curve's equation (RFC 8032, 5.1).
func twiceD() *field.Element {
	var one, denominator, d field.Element
	one.One()
	d.Mult32(&one, 121665)
	d.Negate(&d)
	denominator.Mult32(&one, 121666)
	denominator.Invert(&denominator)
	d.Multiply(&d, &denominator)
	return d.Add(&d, &d)
}

func (p *point) setIdentity() {
	p.x.Zero()
	p.y.One()
	p.z.One()
	p.t.Zero()
}

// isIdentity reports whether p is (0, 1).
func (p *point) isIdentity() bool {
	return p.x.Equal(new(field.Element)) == 1 && p.y.Equal(&p.z) == 1
}

func (q *affine) set(x, y, d2 *field.Element) {
	q.yPlusX.Add(y, x)
	q.yMinusX.Subtract(y, x)
	q.xy2d.Multiply(x, y)
	q.xy2d.Multiply(&q.xy2d, d2)
}

// addAffine sets p = p + q. The formulas of RFC 8032, 5.1.4 are complete: they hold for
// any two points of the curve, equal and of small order too.
func (p *point) addAffine(q *affine) {
	var a, b, c, d field.Element
	a.Subtract(&p.y, &p.x)
	a.Multiply(&a, &q.yMinusX)
	b.Add(&p.y, &p.x)
	b.Multiply(&b, &q.yPlusX)
	c.Multiply(&p.t, &q.xy2d)
	d.Add(&p.z, &p.z)
	p.combine(&a, &b, &c, &d)
}

// add sets p = p + q.
func (p *point) add(q *point, d2 *field.Element) {
	var a, b, c, d field.Element
	a.Subtract(&p.y, &p.x)
	d.Subtract(&q.y, &q.x)
	a.Multiply(&a, &d)
	b.Add(&p.y, &p.x)
	d.Add(&q.y, &q.x)
	b.Multiply(&b, &d)
	c.Multiply(&p.t, d2)
	c.Multiply(&c, &q.t)
	d.Multiply(&p.z, &q.z)
	d.Add(&d, &d)
	p.combine(&a, &b, &c, &d)
}

// combine is the second half of an addition.
func (p *point) combine(a, b, c, d *field.Element) {
	var e, f, g, h field.Element
	e.Subtract(b, a)
	f.Subtract(d, c)
	g.Add(d, c)
	h.Add(b, a)
	p.x.Multiply(&e, &f)
	p.y.Multiply(&g, &h)
	p.t.Multiply(&e, &h)
	p.z.Multiply(&f, &g)
}

// double sets p = 2ⁿ·p, for n of 1 or more. T, which doubling doesn't need, is made by the
// last alone.
func (p *point) double(n int) {
	var a, b, c, e, f, g, h field.Element
	for ; n > 0; n-- {
		a.Square(&p.x)
		b.Square(&p.y)
		c.Square(&p.z)
		c.Add(&c, &c)
		h.Add(&a, &b)
		e.Add(&p.x, &p.y)
		e.Square(&e)
		e.Subtract(&h, &e)
		g.Subtract(&a, &b)
		f.Add(&c, &g)
		p.x.Multiply(&e, &f)
		p.y.Multiply(&g, &h)
		p.z.Multiply(&f, &g)
	}
	p.t.Multiply(&e, &h)
}
