// A printable case for a Raspberry Pi with porchlight's board of lights.
// Written for OpenSCAD 2021.01. Millimetres. Rendered by: python3 -m hardware
//
// x runs along the long side from the memory card, y from the power plug towards the header, z up from the table.

include <lights.scad>  // where lights and button are; written from hardware/board/layout.py

part = "base";   // base, lid, pipes, button
model = "pi4";   // pi3 (3B, 3B+), pi4 (4B), pi5 (5), zero (Zero 2 W)

wall = 2;        // of sides, floor and lid
gap = 0.6;       // between the Pi and the wall on each side
fit = 0.2;       // between printed parts that slide into each other
round_by = 3 + gap + wall;
$fn = 40;

under = 3.5;     // from the floor to the Pi: solder joints and the memory card
pi_thick = 1.5;
stack = 11;      // from the Pi to the board of lights: header 2.5 and socket 8.5
board_thick = 1.6;
led_high = 8.7;  // from its board to the top of a 5 mm LED
switch_high = 7; // from its board to the top of the button's stem

zero = model == "zero";
size = zero ? [65, 30] : [85, 56];
holes = zero ? [[3.5, 3.5], [61.5, 3.5], [3.5, 26.5], [61.5, 26.5]]
             : [[3.5, 3.5], [61.5, 3.5], [3.5, 52.5], [61.5, 52.5]];

pi_top = wall + under + pi_thick;
board_top = pi_top + stack + board_thick;
inside = board_top + led_high + 0.3;  // height of the lid's lower face
lip = 4;

// Openings, as [middle, width, lower edge above the Pi's upper face]: Raspberry Pi's mechanical drawings, with room for
// a plug's grip. front: the side of the power plug. right: the side of USB and network.
front =
    model == "pi3" ? [[10.6, 12, -2], [32, 20, -2], [53.5, 9, -2]] :
    model == "pi4" ? [[11.2, 13, -2], [26, 11.4, -2], [39.5, 11.4, -2], [54, 9, -2]] :
    model == "pi5" ? [[11.2, 13, -2], [25.8, 11.4, -2], [39.2, 11.4, -2]] :
                     [[12.4, 15, -2], [41.4, 10.6, -2], [54, 10.6, -2]];
right =
    model == "pi4" ? [[9, 15.6, -0.5], [27, 15.6, -0.5], [45.75, 17.2, -0.5]] :
    model == "zero" ? [] :
                     [[10.25, 17.2, -0.5], [29, 15.6, -0.5], [47, 15.6, -0.5]];
front_high = model == "pi3" ? 8.5 : 6.5;  // upper edges, above the Pi's upper face
right_high = 17;
card = zero ? 16.9 : 28;  // middle of the memory card on the left side

module plate(grow) {
    translate([-grow, -grow]) offset(r = round_by - wall - gap + grow - 0.01) offset(delta = -(round_by - wall - gap + grow - 0.01))
        square([size[0] + 2 * grow, size[1] + 2 * grow]);
}

// Where something of the board of lights is, seen from the Pi's corner.
function seen(place) = [place[0], size[1] - place[1]];

module vents(count, from, to) {
    step = 5;
    for (i = [0 : count - 1]) translate([from[0] + i * step, from[1]]) hull() {
        circle(d = 2, $fn = 16);
        translate([0, to - from[1]]) circle(d = 2, $fn = 16);
    }
}

module base() {
    difference() {
        union() {
            linear_extrude(wall) difference() {
                plate(gap + wall);
                if (zero) vents(7, [17, 10], 20); else vents(9, [22, 14], 42);
            }
            linear_extrude(inside) difference() { plate(gap + wall); plate(gap); }
            for (at = holes) translate([at[0], at[1], wall]) cylinder(d = 6, h = under);
        }
        for (at = holes) translate([at[0], at[1], -1]) cylinder(d = 2.2, h = 20, $fn = 24);
        openings();
        translate([-gap - wall - 1, card - 8, wall - 1]) cube([wall + 4, 16, under + 1.5]);
        bumps(0.5);
    }
}

// The ports stand out beyond the Pi, so that it is laid in from above: over all ports of a side the wall is missing,
// and the lid has that piece of wall. Both are narrower by `slack`.
module openings() {
    for (o = front) along(o[0] - o[1] / 2, o[0] + o[1] / 2, pi_top + o[2], pi_top + front_high + 0.1, 1);
    for (o = right) turned() along(o[0] - o[1] / 2, o[0] + o[1] / 2, pi_top + o[2], pi_top + right_high + 0.1, 1);
    curtains(0, inside + 1, 1);
}

module curtains(slack, top, over) {
    along(ends(front, -1) + slack, ends(front, 1) - slack, pi_top + front_high + slack, top, over);
    if (len(right) > 0)
        turned() along(ends(right, -1) + slack, ends(right, 1) - slack, pi_top + right_high + slack, top, over);
}

function ends(row, side) = side < 0 ? min([for (o = row) o[0] - o[1] / 2]) : max([for (o = row) o[0] + o[1] / 2]);

// A block in the front wall; `over` is how far it reaches beyond the wall's faces.
module along(from, to, low, high, over) {
    translate([from, -gap - wall - over, low]) cube([to - from, wall + 2 * over, high - low]);
}

// From the front wall to the right one.
module turned() {
    translate([size[0], 0, 0]) rotate([0, 0, 90]) children();
}

module bumps(depth) {
    for (x = [size[0] * 0.25, size[0] * 0.75], side = [0, 1])
        translate([x, side ? size[1] + gap : -gap, inside - lip / 2]) rotate([0, 90, 0])
            cylinder(r = depth, h = 8, center = true, $fn = 16);
}

module lid() {
    translate([0, 0, -inside]) difference() {
        union() {
            translate([0, 0, inside]) linear_extrude(wall) difference() {
                plate(gap + wall);
                for (at = lights) translate(seen(at)) circle(d = 5);
                translate(seen(button)) circle(d = 8 + 2 * fit);
                if (!zero) vents(11, [17, 8], 23);
            }
            translate([0, 0, inside - lip]) linear_extrude(lip) difference() { plate(gap - fit); plate(gap - fit - 1.4); }
            curtains(fit, inside + 0.01, 0);
            // What joins them to the lip.
            intersection() {
                curtains(fit + 1.5, inside + 0.01, gap + 0.1);
                translate([0, 0, inside - lip]) linear_extrude(lip + 1) plate(gap + 0.5);
            }
            for (at = lights) translate([seen(at)[0], seen(at)[1], inside - 5]) linear_extrude(5) difference() {
                circle(d = 8.8);
                circle(d = 6.6);
            }
            intersection() {
                bumps(0.45 - fit / 2);
                translate([0, 0, inside - lip]) linear_extrude(lip) plate(gap + 1);
            }
        }
        translate([zero ? 26 : 47, zero ? 5 : 31, inside + wall - 0.6]) linear_extrude(1)
            text("porchlight", size = zero ? 5 : 7, font = "DejaVu Sans:style=Bold", halign = "center", valign = "center", $fn = 10);
    }
}

// Printed in clear material, standing on the flange; the LED stands below it.
module pipes() {
    for (i = [0 : len(lights) - 1]) translate([i * 12, 0, 0]) rotate_extrude($fn = 32) polygon(concat(
        [[0, 0], [3.1, 0], [3.1, 1.6], [2.4, 1.6], [2.4, 1.6 + wall]],
        [for (a = [0 : 15 : 90]) [2.4 * cos(a), 1.6 + wall + 1.2 * sin(a)]]
    ));
}

module cap() {
    reach = inside - (board_top + switch_high) - 0.2;
    cylinder(d = 10.5, h = 1);
    cylinder(d = 8, h = reach + wall + 1);
}

if (part == "base") base();
if (part == "lid") rotate([180, 0, 0]) translate([0, 0, -wall]) lid();
if (part == "pipes") pipes();
if (part == "button") cap();
