/* The product of two matrices in single precision: C = A B. Change this file.
 *
 * A is rows x depth, B is depth x columns, C is rows x columns; all are stored row by row. C is computed in
 * tiles of TILE_ROWS x (TILE_LANES x LANES) numbers that are kept in registers, and B is read in blocks
 * that shall stay in a cache.
 */

#if defined(__AVX512F__) // so many numbers fit into one register
#define LANES 16
#elif defined(__AVX__)
#define LANES 8
#else
#define LANES 4
#endif

#define TILE_ROWS 2      // move37: int 1..12
#define TILE_LANES 1     // move37: int 1..4
#define BLOCK_DEPTH 64   // move37: 8..1024 pow2
#define BLOCK_COLUMNS 64 // move37: 16..1024 pow2
#define PACK 0           // move37: int 0..1
#define AHEAD 0          // move37: int 0..16

// move37: off

#define TILE_COLUMNS (TILE_LANES * LANES)

typedef float lanes __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

static float packed[BLOCK_DEPTH * (BLOCK_COLUMNS + TILE_COLUMNS)] __attribute__((aligned(64)));

/* A whole tile: C += A B over `depth`. */
static void tile(int depth, const float *a, int a_row, const float *b, int b_row, float *c, int c_row) {
    lanes sum[TILE_ROWS][TILE_LANES];
#pragma GCC unroll 16
    for (int r = 0; r < TILE_ROWS; r++)
#pragma GCC unroll 16
        for (int l = 0; l < TILE_LANES; l++)
            sum[r][l] = *(const lanes *)(c + r * c_row + l * LANES);
    for (int p = 0; p < depth; p++) {
        const float *line = b + p * b_row;
        if (AHEAD)
            __builtin_prefetch(line + AHEAD * b_row);
#pragma GCC unroll 16
        for (int r = 0; r < TILE_ROWS; r++)
#pragma GCC unroll 16
            for (int l = 0; l < TILE_LANES; l++)
                sum[r][l] += a[r * a_row + p] * *(const lanes *)(line + l * LANES);
    }
#pragma GCC unroll 16
    for (int r = 0; r < TILE_ROWS; r++)
#pragma GCC unroll 16
        for (int l = 0; l < TILE_LANES; l++)
            *(lanes *)(c + r * c_row + l * LANES) = sum[r][l];
}

/* What no whole tile fits into. */
static void rest(int rows, int columns, int depth, const float *a, int a_row, const float *b, int b_row,
                 float *c, int c_row) {
    for (int i = 0; i < rows; i++)
        for (int p = 0; p < depth; p++)
            for (int j = 0; j < columns; j++)
                c[i * c_row + j] += a[i * a_row + p] * b[p * b_row + j];
}

static int least(int one, int other) { return one < other ? one : other; }

void product(int rows, int columns, int depth, const float *a, const float *b, float *c) {
    for (int i = 0; i < rows * columns; i++)
        c[i] = 0;
    for (int jj = 0; jj < columns; jj += BLOCK_COLUMNS)
        for (int pp = 0; pp < depth; pp += BLOCK_DEPTH) {
            int wide = least(BLOCK_COLUMNS, columns - jj), deep = least(BLOCK_DEPTH, depth - pp);
            int whole = wide - wide % TILE_COLUMNS;
            const float *corner = b + pp * columns + jj;
            if (PACK)
                for (int j = 0; j < whole; j += TILE_COLUMNS)
                    for (int p = 0; p < deep; p++)
                        for (int l = 0; l < TILE_COLUMNS; l++)
                            packed[j * deep + p * TILE_COLUMNS + l] = corner[p * columns + j + l];
            int i = 0;
            for (; i + TILE_ROWS <= rows; i += TILE_ROWS) {
                const float *left = a + i * depth + pp;
                float *here = c + i * columns + jj;
                for (int j = 0; j < whole; j += TILE_COLUMNS) {
                    const float *right = PACK ? packed + j * deep : corner + j;
                    tile(deep, left, depth, right, PACK ? TILE_COLUMNS : columns, here + j, columns);
                }
                rest(TILE_ROWS, wide - whole, deep, left, depth, corner + whole, columns, here + whole, columns);
            }
            rest(rows - i, wide, deep, a + i * depth + pp, depth, corner, columns, c + i * columns + jj,
                 columns);
        }
}
