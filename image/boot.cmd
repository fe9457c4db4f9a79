# Read by U-Boot from the FAT partition; compiled to boot.scr by the build.
#
# Two slots, A and B, each with a kernel and initramfs of its own in /boot. The variables are those of RAUC's U-Boot
# back end, so that the updater has only to keep them: BOOT_ORDER, and how many tries each slot has left. Until it
# does, they begin anew at each power-on: A is started, and B when A has no kernel.
#
# Addresses fit the smallest board (512 MiB) and leave alone the tree that QEMU puts at 0x08000000:
#   0x00080000  kernel, compressed at first, unpacked in the end (52 MiB)
#   0x04000000  scratch for unpacking (52 MiB)
#   0x0c000000  initramfs

test -n "${BOOT_ORDER}" || setenv BOOT_ORDER "A B"
test -n "${BOOT_A_LEFT}" || setenv BOOT_A_LEFT 3
test -n "${BOOT_B_LEFT}" || setenv BOOT_B_LEFT 3

# transparent_hugepage: pages of 2 MiB cost several Python processes 32 MB that they never use, and the kernel's mere
# offer of them (madvise) makes it keep back another 50 MB, for pages that nobody asks for.
setenv kernel_comp_addr_r 0x04000000
setenv ramdisk_addr_r 0x0c000000
setenv fdt_high ffffffffffffffff
setenv initrd_high ffffffffffffffff

# What the loader, or an emulator, put on the kernel's command line. Ours comes after it and wins.
setenv given ""
if fdt addr ${fdt_addr}; then fdt get value given /chosen bootargs; fi

for slot in ${BOOT_ORDER}; do
    if test "${slot}" = A; then setenv part 2; setenv left ${BOOT_A_LEFT}; fi
    if test "${slot}" = B; then setenv part 3; setenv left ${BOOT_B_LEFT}; fi
    if test ${left} -gt 0; then
        setexpr left ${left} - 1
        setenv BOOT_${slot}_LEFT ${left}
        echo "porchlight: slot ${slot}, ${left} tries left after this one"
        if load ${devtype} ${devnum}:${part} ${kernel_addr_r} /boot/vmlinuz; then
            setenv kernel_comp_size ${filesize}
            if load ${devtype} ${devnum}:${part} ${ramdisk_addr_r} /boot/initrd.img; then
                setenv bootargs "${given} root=PARTUUID=@DISK@-0${part} rauc.slot=${slot} ro console=tty0 console=ttyS1,115200 panic=10 quiet systemd.show_status=true transparent_hugepage=never"
                booti ${kernel_addr_r} ${ramdisk_addr_r}:${filesize} ${fdt_addr}
            fi
        fi
        echo "porchlight: slot ${slot} does not start"
    fi
done

echo "porchlight: no slot starts; trying again from the beginning in 10 seconds"
sleep 10
reset
