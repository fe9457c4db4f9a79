"""Cores that sleep until the kernel wants them, instead of QEMU's, which run in a circle.

A Raspberry Pi's firmware lets all cores but the first wait in a small loop for the address where they are to begin
(the kernel's Documentation/arch/arm64/booting.rst, "spin-table"). On the board ``wfe`` there saves power; to QEMU
it is no more than a hint to let others go first, so three emulated cores are busy from the first moment on. The kernel,
before it has a clock, prepares 57,000 places for its tracer, and after each tells all cores to forget a page: half a
millisecond each when three of them have to be stopped for it, 28 seconds in all, which take a board no time at all.

These are QEMU's own instructions (hw/arm/raspi.c, ``write_smpboot64``), with ``wfi`` in the place of ``wfe``: QEMU does
let a core sleep there. Writing the address wakes nobody, so the core's own timer does, a hundred times a second ("ARM
Quad A7 core", section 4.6, says how that timer's interrupt gets to the core; masked as it is, it ends the wait and
nothing else).
"""

# Where QEMU puts its loop (SMPBOOT_ADDR); the first core never gets there.
WHERE = 0x300
LOOP = (
    0xD2801B05,  # mov x5, #0xd8           the table of addresses (SPINTABLE_ADDR)
    0xD53800A6,  # mrs x6, mpidr_el1
    0x924004C6,  # and x6, x6, #3          the core's number
    0xD2A80007,  # mov x7, #0x40000000
    0x910100E7,  # add x7, x7, #0x40       Core 0 Timers interrupt control
    0x52800048,  # mov w8, #2              nCNTPNSIRQ
    0xB82678E8,  # str w8, [x7, x6, lsl 2]
    0xD2A00129,  # mov x9, #0x90000        again: 9 ms at 62.5 MHz
    0xD51BE209,  # msr cntp_tval_el0, x9
    0xD2800029,  # mov x9, #1
    0xD51BE229,  # msr cntp_ctl_el0, x9
    0xD503207F,  # wfi
    0xF86678A4,  # ldr x4, [x5, x6, lsl 3]
    0xB4FFFF44,  # cbz x4, again
    0xD51BE23F,  # msr cntp_ctl_el0, xzr   as if it had never been
    0xB82678FF,  # str wzr, [x7, x6, lsl 2]
    0xD2800000,  # mov x0, #0
    0xD2800001,  # mov x1, #0
    0xD2800002,  # mov x2, #0
    0xD2800003,  # mov x3, #0
    0xD61F0080,  # br x4
)
