# Stands in for python:3.12-slim where no registry of images can be reached: the
# suite's Python, made by debootstrap, with the layout of the official image
# (python and pip in /usr/local, packages in /usr/local/lib/python3.*/site-packages,
# where the suite's own Python has dist-packages and a pip that refuses to work).
FROM scratch
ADD rootfs.tar /
# Certificates of a network that has an authority of its own: a file of the
# context, which may be empty.
ARG CA_BUNDLE
COPY ${CA_BUNDLE} /usr/local/share/ca-certificates/extra.crt
RUN if [ ! -s /usr/local/share/ca-certificates/extra.crt ]; then rm /usr/local/share/ca-certificates/extra.crt; fi && \
    update-ca-certificates 2>/dev/null && \
    python3 -m venv --without-scm-ignore-files /usr/local
ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin
CMD ["python3"]
