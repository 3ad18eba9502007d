#!/bin/busybox sh
# The initramfs: the disk's driver, then over to the disk.
PATH=/bin
/bin/busybox mkdir -p /dev /proc
/bin/busybox mount -t devtmpfs none /dev
number=0
while [ -e /$number.ko ]; do
  /bin/busybox insmod /$number.ko
  number=$((number + 1))
done
tries=0
while [ ! -e /dev/vda ] && [ $tries -lt 100 ]; do
  /bin/busybox usleep 100000
  tries=$((tries + 1))
done
/bin/busybox mount -t ext4 /dev/vda /root
/bin/busybox mount --move /dev /root/dev
exec /bin/busybox switch_root /root /boot.sh
