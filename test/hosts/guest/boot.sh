#!/bin/sh
# The first process of the guest: what a system's init would have mounted, the tests, and off.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8
mount -t proc none /proc
mount -t sysfs none /sys
mkdir -p /dev/pts /dev/shm
mount -t devpts none /dev/pts
mount -t tmpfs none /dev/shm
mount -t tmpfs -o mode=1777 none /tmp
mount -t tmpfs -o mode=755 none /run
mount -t cgroup2 none /sys/fs/cgroup
ip link set lo up 2>/dev/null || busybox ifconfig lo 127.0.0.1 up
# As a system's manager does: controllers for the groups below the root, and everybody in a group of their own.
for controller in memory pids cpu io; do echo +$controller > /sys/fs/cgroup/cgroup.subtree_control; done
mkdir -p /sys/fs/cgroup/tests/all
for controller in memory pids cpu io; do echo +$controller > /sys/fs/cgroup/tests/cgroup.subtree_control; done
# Descriptors of the serial lines must not stay open in the tests: the attempts look for them.
cd /product
(
  echo $(sh -c 'echo $PPID') > /sys/fs/cgroup/tests/all/cgroup.procs
  exec node /tests.js < /dev/null > /dev/console 2>&1
)
sync
echo o > /proc/sysrq-trigger
sleep 60
