# Read by U-Boot from the FAT partition; compiled to boot.scr by the build.
#
# Two slots, A and B, each with a kernel and initramfs of its own in /boot. What is remembered over a restart
# (docs/updates.md): BOOT_ORDER, the slots in the order in which they are tried; BOOT_A_LEFT and BOOT_B_LEFT, how many
# tries each has, 0 for one that must not be started; BOOT_TRIAL, the slot whose tries are counted, since it has not
# shown yet that it relays; BOOT_WRITTEN, which grows with each writing and is hexadecimal, as setexpr and itest are.
# appliance/update/environment.py is the other side of it.
#
# It lies twice outside of every partition, each copy under a checksum. The newer of the good ones holds, and the other
# one is written over: so a power cut while writing loses the news at most. A slot that has been marked good is not
# counted, and starting it writes nothing.
#
# Addresses fit the smallest board (512 MiB) and leave alone the tree that QEMU puts at 0x08000000:
#   0x00080000  kernel, compressed at first, unpacked in the end (52 MiB)
#   0x04000000  scratch for unpacking (52 MiB), before that for what is remembered
#   0x0c000000  initramfs

setenv scratch 0x04000000
setenv remembered "BOOT_ORDER BOOT_TRIAL BOOT_A_LEFT BOOT_B_LEFT BOOT_WRITTEN"
# Hexadecimal: bytes of a copy, blocks of 512 of it, and where the two begin.
setenv copy_size @COPY_SIZE@
setenv copy_blocks @COPY_BLOCKS@
setenv other @FIRST_COPY@
setenv kept @SECOND_COPY@
setenv newest ""
setenv number 0

${devtype} dev ${devnum}
for place in @FIRST_COPY@ @SECOND_COPY@; do
    setenv BOOT_WRITTEN ""
    if ${devtype} read ${scratch} ${place} ${copy_blocks}; then
        if env import -c ${scratch} ${copy_size} BOOT_WRITTEN; then
            if itest ${BOOT_WRITTEN} -gt ${number}; then
                setenv number ${BOOT_WRITTEN}
                setenv newest ${place}
            fi
        fi
    fi
done
for name in ${remembered}; do setenv ${name} ""; done
if test -n "${newest}"; then
    ${devtype} read ${scratch} ${newest} ${copy_blocks} && env import -c ${scratch} ${copy_size} ${remembered}
    if test "${newest}" = @FIRST_COPY@; then
        setenv other @SECOND_COPY@
        setenv kept @FIRST_COPY@
    fi
else
    echo "porchlight: nothing is remembered; beginning anew"
fi
# A fresh card, or both copies are damaged.
test -n "${BOOT_ORDER}" || setenv BOOT_ORDER "A B"
test -n "${BOOT_A_LEFT}" || setenv BOOT_A_LEFT @TRIES@
test -n "${BOOT_B_LEFT}" || setenv BOOT_B_LEFT @TRIES@
setenv BOOT_WRITTEN ${number}

# transparent_hugepage: pages of 2 MiB cost several Python processes 32 MB that they never use, and the kernel's mere
# offer of them (madvise) makes it keep back another 50 MB, for pages that nobody asks for.
# lsm: without bpf, for which systemd would prepare a program at each start that none of our units uses (a second on a slow
# board), and without AppArmor, of which there are no profiles here.
setenv kernel_comp_addr_r 0x04000000
setenv ramdisk_addr_r 0x0c000000
setenv fdt_high ffffffffffffffff
setenv initrd_high ffffffffffffffff

# What the loader, or an emulator, put on the kernel's command line. Ours comes after it and wins.
setenv given ""
if fdt addr ${fdt_addr}; then fdt get value given /chosen bootargs; fi

# When no slot with tries left starts, one without is better than a dark board.
for round in counted any; do
    for slot in ${BOOT_ORDER}; do
        if test "${slot}" = A; then setenv part 2; setenv left ${BOOT_A_LEFT}; fi
        if test "${slot}" = B; then setenv part 3; setenv left ${BOOT_B_LEFT}; fi
        setenv start no
        setenv trial ""
        if test ${left} -gt 0; then
            setenv start yes
            if test "${slot}" = "${BOOT_TRIAL}"; then
                setexpr left ${left} - 1
                setenv BOOT_${slot}_LEFT ${left}
                setexpr BOOT_WRITTEN ${BOOT_WRITTEN} + 1
                env export -c -s ${copy_size} ${scratch} ${remembered}
                setenv trial "porchlight.trial"
                if ${devtype} write ${scratch} ${other} ${copy_blocks}; then
                    setenv newest ${other}
                    setenv other ${kept}
                    setenv kept ${newest}
                    echo "porchlight: slot ${slot} is on trial, ${left} tries left after this one"
                else
                    # A try that cannot be counted might be repeated for ever.
                    setenv start no
                fi
            fi
        fi
        if test ${round} = any; then
            setenv start yes
            # Also with no try left it has to show that it relays, or nothing could ever be installed again.
            # It is told that no other slot can be loaded: there is nobody left to whom it could leave anything.
            if test "${slot}" = "${BOOT_TRIAL}"; then setenv trial "porchlight.trial porchlight.last"; fi
        fi
        if test ${start} = yes; then
            echo "porchlight: slot ${slot}"
            if load ${devtype} ${devnum}:${part} ${kernel_addr_r} /boot/vmlinuz; then
                setenv kernel_comp_size ${filesize}
                if load ${devtype} ${devnum}:${part} ${ramdisk_addr_r} /boot/initrd.img; then
                    setenv bootargs "${given} root=PARTUUID=@DISK@-0${part} rauc.slot=${slot} ${trial} ro console=tty0 console=ttyS1,115200 panic=10 quiet systemd.show_status=true transparent_hugepage=never debugfs=off lsm=landlock,lockdown,yama"
                    booti ${kernel_addr_r} ${ramdisk_addr_r}:${filesize} ${fdt_addr}
                fi
            fi
            echo "porchlight: slot ${slot} does not start"
        fi
    done
done

echo "porchlight: no slot starts; trying again from the beginning in 10 seconds"
sleep 10
reset
