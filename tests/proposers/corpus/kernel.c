/* A kernel. Block of 64. */
#include <stdio.h>
#include <stdlib.h>
#define BLOCK 64
#define ALPHA (0.25f) /* share */
#define NAME "x"
#define MASK 0xFF
#define PORT 8080
static const int unroll = 4;
static const float taps[] = {0.25f, 0.5f, -0.25f};
enum { A = 1, B = 2 };

static int work(const float *x, int n, float scale) {
    int count = 0;
    for (int i = 0; i < n; i += 8) {
        if (x[i] > 0.5f) count += 1;
        scale = scale * 1.5f; // move37: 1..4 log
    }
    return count > 100 ? 1 : 0;
}

int main(void) {
    srand(42);
    double tol = 1e-6;
    int limit = 1000;
    float buffer[16];
    // move37: off
    int fixed = 32;
    // move37: on
    printf("%d\n", 7);
    switch (limit) { case 3: limit = 12; break; }
    return 0;
}
